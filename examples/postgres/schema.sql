create table customers (
  id int primary key,
  name text not null,
  country text not null
);
create table products (
  id int primary key,
  name text not null,
  stock int not null check (stock >= 0)
);
create table orders (
  id int generated always as identity primary key,
  customer int not null references customers,
  product int not null references products,
  quantity int not null check (quantity > 0)
);
insert into customers values (1, 'Ada', 'ch'), (2, 'Grace', 'de');
insert into products values (1, 'lamp', 5), (2, 'chair', 0);
insert into orders (customer, product, quantity) values (1, 2, 1);
